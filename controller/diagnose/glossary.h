// One line for each number a person may ask about.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

namespace tcpfleet::controller {

struct GlossaryEntry {
  absl::string_view name;
  absl::string_view meaning;
  absl::string_view kernel = "";  // default, versions, scope; empty where there is nothing to say
};

// By path: "net/core/somaxconn".
absl::Span<const GlossaryEntry> SysctlGlossary();
// By table and column: "TcpExt.ListenOverflows".
absl::Span<const GlossaryEntry> CounterGlossary();
// Every field of common/sockets/field.h, by name.
absl::Span<const GlossaryEntry> FieldGlossary();

}  // namespace tcpfleet::controller
