#pragma once

#include <absl/status/status.h>

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace tcpfleet::controller {

// Files for CI systems that audit and drift write.
struct CheckFiles {
  std::string junit;
  std::string sarif;

  void AddOptions(CLI::App& app);
  // Makes and writes those that are asked for.
  using MakeText = std::function<std::string()>;
  absl::Status Write(const MakeText& make_junit, const MakeText& make_sarif) const;
};

// --no-cache of commands that read parameters.
void AddNoCache(CLI::App& app, bool& no_cache);

}  // namespace tcpfleet::controller
