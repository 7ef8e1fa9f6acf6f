/* The tab "breed". */

export function setUp() {}

export function show() {}
