/**
 * whenNear(element, fn) -> {start(), stop()}: calls fn when the element comes near the screen, for as long as it is
 * there and fn (async) answers that it brought something. For "Show more" buttons, which are pressed by scrolling.
 */
export function whenNear(element, fn) {
  let observer = null;
  function stop() {
    observer?.disconnect();
    observer = null;
  }
  function start() {
    stop();
    observer = new IntersectionObserver(
      async ([{ isIntersecting }]) => {
        if (!isIntersecting || element.hidden) return;
        // What came may not fill the screen, and an observer tells changes only.
        if ((await fn()) && observer) start();
      },
      { rootMargin: "600px" },
    );
    observer.observe(element);
  }
  return { start, stop };
}
