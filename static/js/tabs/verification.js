/* The tab "verification". */

export function setUp() {}

export function show() {}
