// Kernel modules as the parameters show them: one that is loaded, or built in, has some.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <set>
#include <string>
#include <vector>

#include "controller/audit/sysctl_list.h"

namespace tcpfleet::controller {

struct ModuleEvidence {
  absl::string_view module;
  absl::string_view key;   // that it brings
  absl::string_view word;  // in the value of the key; empty: the key is enough
};
absl::Span<const ModuleEvidence> KnownModules();
std::vector<std::string> KnownModuleNames();
// Null for a module that shows nowhere.
const ModuleEvidence* EvidenceOf(absl::string_view module);

// Of a host that was asked for the keys of the evidence.
std::set<std::string> LoadedModules(const SysctlList& sysctls);

}  // namespace tcpfleet::controller
