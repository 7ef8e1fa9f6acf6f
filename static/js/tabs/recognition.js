/* The tab "recognition". */

export function setUp() {}

export function show() {}
