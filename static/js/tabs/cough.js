/* The tab "cough". */

export function setUp() {}

export function show() {}
