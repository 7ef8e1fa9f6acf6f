/* The tab "build". */

export function setUp() {}

export function show() {}
