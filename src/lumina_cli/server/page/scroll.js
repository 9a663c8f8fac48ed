// Where the window stands: whoever was reading the end still sees it.

const NEAR_THE_END = 120; // px

export const scrollToEnd = () => scrollTo({top: document.documentElement.scrollHeight});

/** Do what changes heights. */
export function keepAtEnd(act) {
  const isAtEnd = innerHeight + scrollY > document.documentElement.scrollHeight - NEAR_THE_END;
  act();
  if (isAtEnd) scrollToEnd();
}
