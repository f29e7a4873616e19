import assert from "node:assert/strict";
import { markup, trusted } from "./markup.ts";

Deno.test("markup() escapes whatever is put into it, in text and in attributes", () => {
  const hostile = `"><script>alert('x')</script>&`;
  assert.equal(
    markup`<td title="${hostile}">${hostile}</td>`.text,
    `<td title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;">` +
      `&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;</td>`,
  );
});

Deno.test("markup() takes templates, lists of them and numbers as they are, and leaves out null", () => {
  const rows = ["a", "<b>"].map((text) => markup`<li>${text}</li>`);
  assert.equal(
    markup`<ul>${rows}</ul>${1.5}${null}${false}${trusted("<br>")}`.text,
    "<ul><li>a</li><li>&lt;b&gt;</li></ul>1.5<br>",
  );
});

Deno.test("markup() shows characters that would turn a text about, or hide in it", () => {
  assert.equal(markup`${"a\u202eb\u0000c\u200bd"}`.text, "a?b?c?d");
});
