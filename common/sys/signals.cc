#include "common/sys/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

#include "common/sys/errno_name.h"
#include "common/sys/retry.h"

namespace tcpfleet::sys {
namespace {

sigset_t TerminationSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hangup {};  // nohup ignores it for us
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
    sigaddset(&set, SIGHUP);
  }
  return set;
}

}  // namespace

absl::Status BlockTerminationSignals() {
  const sigset_t set = TerminationSet();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return ErrnoStatus(error, "pthread_sigmask");
  }
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    if (std::signal(signal, SIG_IGN) == SIG_ERR) return ErrnoStatus("ignore a signal");
  }
  return absl::OkStatus();
}

absl::StatusOr<TerminationSignals> TerminationSignals::Create() {
  const sigset_t set = TerminationSet();
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return ErrnoStatus("signalfd");
  return TerminationSignals(std::move(fd));
}

int TerminationSignals::Take() {
  signalfd_siginfo info{};
  const ssize_t got = RetryEintr([&] { return ::read(fd_.get(), &info, sizeof(info)); });
  return got == static_cast<ssize_t>(sizeof(info)) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace tcpfleet::sys
