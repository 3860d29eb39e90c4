#include "tests/support/held_page.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "common/sys/errno_name.h"

namespace tcpfleet::tests {

absl::StatusOr<HeldPage> HeldPage::Create() {
  sys::UniqueFd faults(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (faults.get() < 0) return sys::ErrnoStatus("userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  if (::ioctl(faults.get(), UFFDIO_API, &api) != 0) return sys::ErrnoStatus("UFFDIO_API");
  const auto size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* const page =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return sys::ErrnoStatus("mmap");
  HeldPage held(absl::MakeSpan(static_cast<std::byte*>(page), size), std::move(faults));
  uffdio_register range{};
  range.range = {reinterpret_cast<uintptr_t>(page), size};
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (::ioctl(held.faults_.get(), UFFDIO_REGISTER, &range) != 0) {
    return sys::ErrnoStatus("UFFDIO_REGISTER");
  }
  return held;
}

HeldPage::HeldPage(HeldPage&& other) noexcept
    : page_(std::exchange(other.page_, {})), faults_(std::move(other.faults_)) {}

HeldPage::~HeldPage() {
  if (!page_.empty()) ::munmap(page_.data(), page_.size());
}

bool HeldPage::TakeWaiter() {
  uffd_msg message{};
  return ::read(faults_.get(), &message, sizeof(message)) == sizeof(message) &&
         message.event == UFFD_EVENT_PAGEFAULT;
}

}  // namespace tcpfleet::tests
