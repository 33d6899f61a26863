/** The page's own evidence.js, which the program hands out as a module. */
export function listen(element: HTMLElement): void;
