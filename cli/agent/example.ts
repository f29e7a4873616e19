/** Keys and the shortest configuration, made by the example itself so that it works as printed, indented or not. */
export const AGENT_YAML_EXAMPLE = `\
bypath keys init --dir keys
bypath keys issue s1 --address 10.0.0.11 --dir keys
echo '
nat: [10.0.0.1:7400]
ca: keys/ca.pem
certificate: keys/s1.pem
key: keys/s1.key
' > agent.yaml
`;
