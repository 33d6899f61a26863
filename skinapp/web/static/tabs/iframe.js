// The frame gets its address when it is first seen, and learns when it is out of sight: its camera goes off then.
const seen = new IntersectionObserver(([{ isIntersecting }]) => {
  const frame = element.querySelector("iframe");
  if (!frame) return;
  if (isIntersecting && !frame.src) frame.src = addressOf(frame.dataset.src).href;
  if (!isIntersecting) frame.contentWindow?.postMessage("hidden", location.origin);
});
seen.observe(element);
