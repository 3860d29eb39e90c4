// TF_CHECK ends the process when an invariant of our own is broken. Input from outside is never
// checked with it.
#pragma once

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

namespace tcpfleet::base {

[[noreturn]] void CheckFailed(absl::string_view file, int line, absl::string_view what);

}  // namespace tcpfleet::base

#define TF_CHECK(condition)                                          \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::tcpfleet::base::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

// Both operands must be printable by absl::StrCat.
#define TF_CHECK_EQ(a, b)                                                                 \
  do {                                                                                    \
    const auto& tf_a = (a);                                                               \
    const auto& tf_b = (b);                                                               \
    if (!(tf_a == tf_b)) [[unlikely]]                                                     \
      ::tcpfleet::base::CheckFailed(__FILE__, __LINE__,                                   \
                                    absl::StrCat(#a " == " #b ": ", tf_a, " != ", tf_b)); \
  } while (false)
