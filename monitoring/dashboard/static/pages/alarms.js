// Two versions beside each other.

import { start } from "../frame.js";

start(async () => {});
