import { Option } from "@commander-js/extra-typings";

export const nameOption = () => new Option("--name <name>", "name of the lab");
