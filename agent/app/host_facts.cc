#include "agent/app/host_facts.h"

#include <absl/strings/strip.h>

#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/sys/file.h"
#include "common/sys/host.h"
#include "common/sys/net_namespace.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {

absl::StatusOr<v1::DescribeResponse> ReadHostFacts(const std::string& name) {
  v1::DescribeResponse host;
  host.set_name(name.empty() ? sys::HostName() : name);
  host.set_version(std::string(base::Version()));
  host.set_kernel(sys::KernelRelease());
  host.set_cpus(sys::AllowedCpus());
  host.set_memory_bytes(sys::TotalMemoryBytes());
  TF_ASSIGN_OR_RETURN(const std::string boot_id, sys::ReadFile("/proc/sys/kernel/random/boot_id"));
  host.set_boot_id(std::string(absl::StripSuffix(boot_id, "\n")));
  TF_ASSIGN_OR_RETURN(const sys::NetNamespace net_namespace, sys::NetNamespace::Current());
  TF_ASSIGN_OR_RETURN(const uint64_t inode, net_namespace.Inode());
  host.set_network_namespace(inode);
  return host;
}

}  // namespace tcpfleet::agent
