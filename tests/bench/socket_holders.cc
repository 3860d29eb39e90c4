#include "tests/bench/socket_holders.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/rlimit.h"
#include "tests/bench/json_object.h"

namespace tcpfleet::bench {

absl::StatusOr<SocketHolders> SocketHolders::Start(int connections, int active_percent, int cpu) {
  const int each = connections / kHolders;
  TF_ASSIGN_OR_RETURN(const uint64_t descriptors, sys::RaiseOpenFileLimit());
  if (static_cast<uint64_t>(each) * 2 + 64 > descriptors) {
    return absl::ResourceExhaustedError(
        absl::StrCat(connections, " connections need ", each * 2 + 64, " descriptors in each of ",
                     kHolders, " processes; the limit is ", descriptors));
  }
  SocketHolders holders;
  for (int number = 0; number < kHolders; ++number) {
    TF_ASSIGN_OR_RETURN(Program program,
                        Program::Start({"tcpfleet-limit", "sockets", "--number",
                                        absl::StrCat(number), "--connections", absl::StrCat(each),
                                        "--active", absl::StrCat(each * active_percent / 100)},
                                       cpu));
    TF_ASSIGN_OR_RETURN(const std::string line, program.FirstLine());
    TF_ASSIGN_OR_RETURN(const double port, NumberIn(line, "port"));
    if (number == 0) holders.first_port_ = static_cast<int>(port);
    holders.programs_.push_back(std::move(program));
  }
  return holders;
}

}  // namespace tcpfleet::bench
