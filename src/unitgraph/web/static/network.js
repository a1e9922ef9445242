// Arrow keys move from a box of the network to the one that it is linked with in that direction.
const drawing = document.querySelector("svg.drawing");
const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const middle = (node) => {
  const box = node.getBBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

document.querySelector(".keys")?.removeAttribute("hidden");
drawing?.addEventListener("keydown", (event) => {
  const node = event.target.closest("a.node");
  const way = ways[event.key];
  if (!node || !way || event.altKey || event.ctrlKey || event.metaKey) return;
  const [x, y] = middle(node);
  let best = null;
  let least = Infinity;
  for (const key of node.dataset.near.split(" ")) {
    const other = document.getElementById(key);
    if (!other) continue;
    const [right, down] = [middle(other)[0] - x, middle(other)[1] - y];
    const ahead = right * way[0] + down * way[1];
    const aside = Math.abs(right * way[1]) + Math.abs(down * way[0]);
    if (ahead > 0 && ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  event.preventDefault();
  best?.focus();
});
