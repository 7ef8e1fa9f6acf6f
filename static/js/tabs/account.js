/* The tab "account". */

export function setUp() {}

export function show() {}
