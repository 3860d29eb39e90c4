// The options of a run's sockets: v1::SocketOptions turned into the system calls they take.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// An option that is not asked for costs no system call.
class TestSocketOptions {
 public:
  explicit TestSocketOptions(const v1::SocketOptions& options);

  const bool linger_reset;

  // Before connect(). An error names the option and what the kernel said.
  //
  // With fast_open connect() succeeds at once and the SYN leaves with the first data, so nothing is
  // known of the connection until then.
  absl::Status ApplyTo(int fd) const;

  // The connections it accepts inherit them, but for quick_ack: set that anew on each.
  absl::Status ApplyToListener(int fd) const;

  // The kernel leaves quick_ack by itself as soon as data goes both ways: it has to be set again
  // after every receive.
  void RenewQuickAck(int fd) const {
    if (quick_ack_) SetQuickAck(fd);
  }

 private:
  struct Number {
    const char* name;
    int level;
    int option;
    int value;
  };
  absl::Status Apply(int fd) const;
  absl::Status ApplyDscp(int fd) const;
  static void SetQuickAck(int fd);

  std::vector<Number> numbers_;
  std::string congestion_control_;
  std::string bind_interface_;
  int type_of_service_;
  bool fast_open_;
  bool quick_ack_;
};

// Tries them on a socket of this host. InvalidArgument or PermissionDenied, naming the option, what
// the kernel said and what would help; also for values out of range and for fast_open where the
// client does not send first.
absl::Status CheckSocketOptions(const v1::StressSpec& spec, const v1::SocketOptions& options);

// What is in force on an open connection; what cannot be read counts as not set. `quick_ack` and
// buffer sizes are told also when nobody has set them. fast_open of an accepted connection: its SYN
// brought data.
v1::SocketOptions ReadSocketOptions(int fd);

}  // namespace tcpfleet::agent
