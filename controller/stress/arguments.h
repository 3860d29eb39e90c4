// The options of `tcpfleet stress` as they are typed, and the one table of them: the command line,
// run files and saved runs all read and write options by this table.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <string>
#include <variant>
#include <vector>

namespace tcpfleet::controller {

// Option values as typed; empty means not given.
struct StressArguments {
  std::string workload;

  // Who loads whom.
  std::vector<std::string> targets;
  std::vector<std::string> serve;
  std::string mesh;
  std::string pairs;

  // How much, how long.
  std::string connections = "64";
  std::string rate = "0";
  std::string rate_per_connection;
  std::string arrivals;
  std::string seed;
  std::string shape;
  std::string duration = "10s";
  std::string warmup;
  std::string cooldown;
  std::string pipeline;
  std::string think_time;
  std::string lifetime;
  std::string requests_per_connection;
  std::string reconnect;
  std::string connect_timeout = "5s";
  std::string timer;
  std::string threads = "0";

  // What is sent.
  std::string request_bytes;
  std::string response_bytes;
  std::string request;
  std::string response_until;
  std::string http;
  std::vector<std::string> http_headers;
  std::string direction;
  std::string write_size;
  std::string heartbeat;
  std::string dead_after;

  // Sockets.
  std::string close = "rst";
  std::string keepalive;
  std::vector<std::string> sources;
  std::string ports;
  std::vector<std::string> socket_options;

  // Server side.
  std::vector<std::string> server_behavior;

  // What is reported and what it must hold.
  std::string tcp_info = "1000";
  std::string exemplars;
  std::string interval = "1s";
  std::vector<std::string> thresholds;

  // Flags: "true" or empty.
  std::string abort_on_fail;
  std::string force;
  std::string share;
};

struct StressArgument {
  absl::string_view name;  // without dashes
  absl::string_view type;  // as help shows it; empty for a flag
  absl::string_view help;
  std::variant<std::string StressArguments::*, std::vector<std::string> StressArguments::*> value;
};

// In the order of the help text. The workload is not among them.
absl::Span<const StressArgument> StressArgumentTable();

}  // namespace tcpfleet::controller
