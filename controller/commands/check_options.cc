#include "controller/commands/check_options.h"

#include <CLI/CLI.hpp>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::controller {

void CheckFiles::AddOptions(CLI::App& app) {
  app.add_option("--junit", junit, "also write the result as JUnit XML")->type_name("FILE");
  app.add_option("--sarif", sarif, "also write the result as SARIF 2.1.0")->type_name("FILE");
}

absl::Status CheckFiles::Write(const MakeText& make_junit, const MakeText& make_sarif) const {
  if (!junit.empty()) {
    TF_RETURN_IF_ERROR(sys::ReplaceFile(junit, make_junit()));
  }
  return sarif.empty() ? absl::OkStatus() : sys::ReplaceFile(sarif, make_sarif());
}

void AddNoCache(CLI::App& app, bool& no_cache) {
  app.add_flag("--no-cache", no_cache, "do not use answers kept from earlier commands");
}

}  // namespace tcpfleet::controller
