import { THEME } from "../../page/theme.ts";
import icon from "./assets/icon.svg" with { type: "text" };
import style from "./assets/page.css" with { type: "text" };
import script from "./assets/page.js" with { type: "text" };

/** What the page needs besides itself, by path. */
export const ASSETS: ReadonlyMap<string, { readonly type: string; readonly text: string }> =
  new Map([
    ["/page.css", { type: "text/css; charset=utf-8", text: `${THEME}\n${style}` }],
    ["/page.js", { type: "text/javascript; charset=utf-8", text: script }],
    ["/icon.svg", { type: "image/svg+xml", text: icon }],
  ]);
