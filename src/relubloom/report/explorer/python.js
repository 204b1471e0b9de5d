/**
 * The set on screen as Python that anyone can run beside the page.
 *
 * @import { Change, Network } from "./network.js"
 */

/**
 * @param {Network} net
 * @param {readonly number[]} ids
 * @param {readonly string[]} labels
 * @param {Change | null} change what "break it" does, if it does anything
 * @returns {string}
 */
export function asPython(net, ids, labels, change) {
  const lines = [
    "# Run this in the folder of the report.",
    "import torch",
    "import relubloom as rb",
    "",
    ...net.told.python,
    "net = net.double()",
    `ids = [${ids.join(", ")}]  # ${comment(ids, labels)}`,
  ];
  const swap = change?.swap ?? null;
  if (swap !== null) {
    const [a, b] = swap;
    lines.push(
      `net.W_in.data[[${a}, ${b}]] = net.W_in.data[[${b}, ${a}]]  # ${comment(swap, labels)} swapped`,
    );
  }
  lines.push(...forcing(change));
  const hooks = change !== null && change.force.size > 0 ? '[("hook_post", force)]' : "[]";
  return [
    ...lines,
    `sets = torch.tensor([ids], dtype=torch.int64)`,
    `p = net.run_with_hooks(sets, fwd_hooks=${hooks})[0].detach().softmax(-1)`,
    "for token in p.argsort(descending=True, stable=True)[:10].tolist():",
    '    print(token, "put in" if token in ids else "", float(p[token]))',
    "",
  ].join("\n");
}

/** @param {Change | null} change */
function forcing(change) {
  if (change === null || change.force.size === 0) return [];
  const values = [...change.force].map(([unit, value]) => `${unit}: ${value}`);
  return [
    "",
    "def force(post, hook):",
    `    for unit, value in {${values.join(", ")}}.items():`,
    "        post[:, unit] = value",
    "    return post",
    "",
  ];
}

/**
 * Labels inside a comment: on one line, whatever they hold.
 *
 * @param {readonly number[]} ids
 * @param {readonly string[]} labels
 */
function comment(ids, labels) {
  return ids.map((id) => labels[id].replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?")).join(", ");
}
