/** The shortest configuration, written by the example itself so that it works as printed, indented or not. */
export const NAT_YAML_EXAMPLE = `\
echo '
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }] }
' > nat.yaml
`;
