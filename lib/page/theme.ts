import theme from "./theme.css" with { type: "text" };

/** The style sheet that the dashboard and the reports share. */
export const THEME: string = theme;
