"use strict";
(() => {
  const form = document.getElementById("filter");
  const items = [...document.querySelectorAll(".item")];
  const texts = new Map();
  const kinds = { problem: "problems", task: "tasks", warning: "warnings" };

  const text = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };

  const matches = (item, wanted) =>
    (!wanted.status || item.dataset.status === wanted.status) &&
    (!wanted.stage || item.dataset.stage === wanted.stage) &&
    (!wanted.rule || item.dataset.rules.split("\n").includes(wanted.rule)) &&
    (!wanted.path || item.dataset.paths.toLowerCase().includes(wanted.path)) &&
    wanted.words.every((word) => text(item).includes(word));

  const filter = () => {
    const data = new FormData(form);
    const wanted = {
      status: data.get("status"),
      stage: data.get("stage"),
      rule: data.get("rule"),
      path: data.get("path").trim().toLowerCase(),
      words: data.get("text").toLowerCase().split(/\s+/).filter(Boolean),
    };
    const active = wanted.status || wanted.stage || wanted.rule || wanted.path || wanted.words.length;
    const all = {}, shown = {};
    for (const item of items) {
      const kind = item.dataset.kind;
      item.hidden = !matches(item, wanted);
      all[kind] = (all[kind] || 0) + 1;
      shown[kind] = (shown[kind] || 0) + (item.hidden ? 0 : 1);
    }
    for (const stage of document.querySelectorAll(".stage")) {
      stage.hidden = !stage.querySelector(".item:not([hidden])");
    }
    const parts = Object.keys(kinds).filter((kind) => all[kind]).map((kind) => `${shown[kind]} of ${all[kind]} ${kinds[kind]}`);
    document.getElementById("found").textContent = active ? parts.join(", ") : "";
  };

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.elements.text.focus();
    } else if (event.key === "Escape" && form.contains(event.target)) {
      form.reset();
    }
  });

  // A link to a task shows it, whatever is filtered.
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const task = target && target.closest("details.task");
    if (!task) return;
    if (task.hidden) form.reset(), filter();
    task.open = true;
    task.scrollIntoView({ block: "center" });
    task.firstElementChild.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#task-"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  const copy = async (content) => {
    try {
      await navigator.clipboard.writeText(content);
    } catch {
      const area = document.createElement("textarea");
      area.value = content;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.dataset.copy);
      document.getElementById("said").textContent = "Copied";
      button.classList.add("done");
      setTimeout(() => {
        button.classList.remove("done");
        document.getElementById("said").textContent = "";
      }, 1500);
    });
  }

  // On paper everything is there, folded or not.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")].filter((details) => !details.closest(".task, .tree"));
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
