/* The tab "history". */

export function setUp() {}

export function show() {}
