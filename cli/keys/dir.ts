import { Option } from "@commander-js/extra-typings";
import { type Refusing, required } from "../command.ts";

const DIR = "--dir <dir>";

export const dirOption = () => new Option(DIR, "where the keys are kept (required)");
export const dirOf = (command: Refusing, options: { dir?: string | undefined }) =>
  required(command, DIR, options.dir);
