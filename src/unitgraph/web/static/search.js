// Suggestions under a search field: the combobox of the ARIA Authoring Practices.
for (const form of document.querySelectorAll("form[role=search][data-suggest]")) {
  const input = form.elements.q;
  const make = (tag, role) => {
    const made = document.createElement(tag);
    made.setAttribute("role", role);
    return made;
  };
  const list = make("ul", "listbox"), status = make("p", "status");
  const aria = (name, value) => input.setAttribute(`aria-${name}`, value);
  let chosen = -1, turn = 0, timer;
  list.id = `${input.id}-list`;
  list.hidden = true;
  list.setAttribute("aria-label", form.querySelector("label").textContent);
  status.className = "unseen";
  form.append(list, status);
  input.setAttribute("role", "combobox");
  aria("autocomplete", "list");
  aria("controls", list.id);
  aria("expanded", false);

  const close = () => {
    clearTimeout(timer);
    turn++;
    choose(-1);
    list.hidden = true;
    aria("expanded", false);
  };
  const choose = (at) => {
    chosen = at;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === at));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    aria("activedescendant", list.children[at]?.id ?? "");
  };
  const show = ([, labels, about, urls]) => {
    close();
    list.replaceChildren(...labels.map((label, i) => {
      const option = make("li", "option"), kind = document.createElement("small");
      option.id = `${list.id}-${i}`;
      option.dir = "auto";
      option.dataset.href = urls[i];
      kind.textContent = about[i];
      option.append(label, " ", kind);
      return option;
    }));
    choose(-1);
    const { none, one, many } = form.dataset, n = labels.length;
    status.textContent = n > 1 ? many.replace("{n}", n) : n ? one : none;
    list.hidden = !n;
    aria("expanded", !!n);
  };
  const ask = async () => {
    const mine = ++turn, url = new URL(form.dataset.suggest, location);
    url.searchParams.set("q", input.value);
    try {
      const answer = await (await fetch(url)).json();
      if (mine === turn) show(answer);
    } catch { /* no suggestions */ }
  };
  const open = ({ dataset }) => location.assign(dataset.href);

  input.oninput = () => {
    clearTimeout(timer);
    if (input.value.trim()) timer = setTimeout(ask, 120);
    else close();
  };
  input.onblur = close;
  input.onkeydown = (event) => {
    const { key, isComposing } = event, n = list.children.length;
    if (isComposing || !input.value || (list.hidden && key !== "ArrowDown")) return;
    if (key === "Escape") close();
    else if (key === "ArrowDown") list.hidden ? ask() : choose(chosen + 1 < n ? chosen + 1 : -1);
    else if (key === "ArrowUp") choose(chosen < 0 ? n - 1 : chosen - 1);
    else if (key === "Enter" && chosen >= 0) open(list.children[chosen]);
    else return;
    event.preventDefault();
  };
  list.onmousedown = (event) => event.preventDefault();
  list.onclick = (event) => open(event.target.closest("li"));
}
