// The tab's modules are loaded when it is first seen; when it stays out of sight, its camera goes off.
const AWAY_MS = 1000;
let tab, away;
const inSight = new IntersectionObserver(async (changes) => {
  const section = element.querySelector(".watch");
  clearTimeout(away);
  if (!changes.at(-1).isIntersecting) {
    away = setTimeout(async () => (await tab)?.hide(), AWAY_MS);
  } else if (section && !tab) {
    const code = addressOf(section.dataset.source);
    tab = import(new URL("live/watch.js", code).href).then(({ mount }) => mount(section));
    await tab;
    section.dataset.state = "off";
  }
});
inSight.observe(element);
