/* The tab "users". */

export function setUp() {}

export function show() {}
