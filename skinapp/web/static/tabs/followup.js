// Moves between the two photos. Listens on the component, not on its content: the content is replaced with every answer.
const EVERY_MS = 700;
let blinking = 0;

const still = () => {
  clearInterval(blinking);
  blinking = 0;
  element.querySelector("[data-blink]")?.setAttribute("aria-pressed", "false");
};

const wipe = (share) => element.querySelector(".stack")?.style.setProperty("--wiped", `${share}%`);

element.addEventListener("input", ({ target }) => {
  if (target.matches(".wipe")) {
    still();
    wipe(target.value);
  }
  if (target.matches(".outlined")) target.closest(".pictures").classList.toggle("bare", !target.checked);
});

element.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-blink]");
  if (!button) return;
  if (blinking) return still();
  button.setAttribute("aria-pressed", "true");
  let share = 100;
  const turn = () => {
    const slider = element.querySelector(".wipe");
    if (!slider?.checkVisibility()) return still(); // another answer, or another tab
    share = 100 - share;
    slider.value = share;
    wipe(share);
  };
  turn();
  blinking = setInterval(turn, EVERY_MS);
});
