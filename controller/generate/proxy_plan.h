// The numbers of a proxy that keeps connections open on both sides, each with its reason. Pure.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/generate/backend.h"

namespace tcpfleet::controller {

// What is known of a host the proxy will run on.
struct ProxyHost {
  std::string name;
  std::optional<uint64_t> somaxconn;
  // The smallest of fs.nr_open, fs.file-max and what the agent may open.
  std::optional<uint64_t> most_files;
  // Usable source ports per destination.
  std::optional<uint64_t> ports;
  std::optional<uint64_t> memory_bytes;
  uint32_t cpus = 0;  // 0: not known
};

struct Reasoned {
  uint64_t value = 0;
  std::string why;
};

struct ProxyPlan {
  ListenAddress listen;
  std::vector<Backend> backends;
  std::string check_path;  // empty: a connection is enough

  Reasoned connections;  // from clients, at once
  Reasoned backlog;
  uint32_t cpus = 0;  // 0: not known
  // Seconds.
  Reasoned server_idle;       // an unused connection to a back end is kept so long
  Reasoned client_keepalive;  // one to a client between two requests
};

struct ProxyWishes {
  ListenAddress listen;
  std::vector<Backend> backends;
  // Empty: not known, documented defaults are taken.
  std::vector<ProxyHost> hosts;
  // How long the back ends keep idle connections, when it is known.
  std::optional<absl::Duration> backend_keepalive;
  std::string check_path;
};

// InvalidArgument: no back ends, back ends that keep connections for less than 2 s.
absl::StatusOr<ProxyPlan> PlanProxy(const ProxyWishes& wishes);

// A configuration line by line, its reasons as comments.
class ConfigText {
 public:
  void Comment(const std::string& text, int depth = 0);
  void Line(int depth, const std::string& line, const std::string& why = "");
  void Blank() { text_.push_back('\n'); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Some back end is called by a name.
bool HasNames(const ProxyPlan& plan);

std::string HaproxyConfig(const ProxyPlan& plan);
std::string NginxConfig(const ProxyPlan& plan);

}  // namespace tcpfleet::controller
