/* The view "home" of the events tab. */

export function setUp() {}

export function show() {}

export function hide() {}
