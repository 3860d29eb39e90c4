#include "agent/bpf/socket_files.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/retry.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

alignas(8) constexpr uint8_t kObject[] = {
#include "socket_files.bpf.inc"
};

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

absl::Status Refusal(int error, absl::string_view what) {
  if (error == EPERM) {
    return absl::PermissionDeniedError(absl::StrCat(what, ": needs CAP_BPF and CAP_PERFMON"));
  }
  return absl::UnimplementedError(
      absl::StrCat(what, ": ", sys::ErrnoName(error),
                   ": needs Linux 5.11 with BPF and /sys/kernel/btf/vmlinux"));
}

// What processes are called here is what they are called in /proc.
absl::Status CheckProc() {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self", error).string();
  if (self == std::to_string(::getpid())) return absl::OkStatus();
  return absl::FailedPreconditionError("/proc is not that of the PID namespace of this process");
}

// A descriptor that keeps the program in the kernel.
absl::StatusOr<sys::UniqueFd> Load() {
  TF_RETURN_IF_ERROR(CheckProc());
  ::libbpf_set_print(nullptr);  // it would write to stderr
  const std::unique_ptr<bpf_object, CloseObject> object(
      ::bpf_object__open_mem(kObject, sizeof(kObject), nullptr));
  if (object == nullptr) return Refusal(errno, "open BPF program");
  const int error = -::bpf_object__load(object.get());
  if (error != 0) return Refusal(error, "load BPF program");
  const int program = ::bpf_program__fd(::bpf_object__next_program(object.get(), nullptr));
  sys::UniqueFd link(::bpf_link_create(program, 0, BPF_TRACE_ITER, nullptr));
  if (!link.valid()) return Refusal(errno, "attach BPF program");
  return link;
}

class Iterator final : public SocketFiles {
 public:
  explicit Iterator(sys::UniqueFd fd) : fd_(std::move(fd)) {}

  absl::StatusOr<absl::Span<const SocketFile>> Next() override {
    for (;;) {
      const ssize_t bytes =
          sys::RetryEintr([&] { return ::read(fd_.get(), files_.data(), sizeof(files_)); });
      if (bytes >= 0) {
        return absl::MakeConstSpan(files_.data(), static_cast<size_t>(bytes) / sizeof(SocketFile));
      }
      // It has passed a million other files.
      if (errno != EAGAIN) return sys::ErrnoStatus("read BPF iterator");
    }
  }

 private:
  const sys::UniqueFd fd_;
  std::array<SocketFile, kMostAtOnce> files_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SocketFiles>> OpenSocketFiles() {
  static const auto& link = *new absl::StatusOr<sys::UniqueFd>(Load());  // threads may outlive main
  TF_RETURN_IF_ERROR(link.status());
  sys::UniqueFd iterator(::bpf_iter_create(link->get()));
  if (!iterator.valid()) return sys::ErrnoStatus("create BPF iterator");
  return std::make_unique<Iterator>(std::move(iterator));
}

}  // namespace tcpfleet::agent
