/** Where the lab's programs listen. */

export const HTTP_PORT = 8080;
export const FLOW_PORT = 8090;
export const STREAM_PORT = 9000;
export const IPERF_PORT = 5201;
export const CONTROL_PORT = 7400;
