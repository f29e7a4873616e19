import { type Markup, markup } from "./markup.ts";
import type { PictureForm } from "./topology_measures.ts";

/** The same drawing for a screen and for a telephone; the style sheet shows one of them. */
export function bothForms(draw: (form: PictureForm) => Markup): Markup {
  return markup`<div class="form wide">${draw("wide")}</div><div class="form narrow">${
    draw("narrow")
  }</div>`;
}
