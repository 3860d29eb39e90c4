#pragma once

#include <map>
#include <string>

namespace tcpfleet::agent {

// The host's settings that bear on TCP, by sysctl key: net.ipv4.tcp_*, port ranges, the queues and
// buffers of net.core, conntrack, limits of files. Runs of blanks become one. What cannot be read
// is left out, and so is the secret net.ipv4.tcp_fastopen_key.
//
// Bounds: 256 keys of 256 bytes each; longer values are left out.
std::map<std::string, std::string> ReadTcpSettings(const std::string& root = "/proc/sys");

}  // namespace tcpfleet::agent
