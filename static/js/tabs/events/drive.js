/* The view "drive" of the events tab. */

export function setUp() {}

export function show() {}

export function hide() {}
