/* The tab "photos". */

export function setUp() {}

export function show() {}
