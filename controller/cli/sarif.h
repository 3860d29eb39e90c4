// Findings as SARIF 2.1.0, which code hosts and CI systems show beside the lines they are about.
//
// Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tcpfleet::controller {

struct SarifRule {
  std::string id;     // unique in a document
  std::string level;  // error, warning, note
  std::string summary;
  std::string help;
  std::string help_uri;  // may be empty
};

struct SarifResult {
  size_t rule = 0;  // position among the rules
  std::string message;
  std::vector<std::string> hosts;
  // What is wrong there, a key for example.
  std::string subject;
  // The file on those hosts, absolute, and the line that is the cause; empty: none is.
  std::string file;
  uint32_t line = 0;
};

// `failures`: what could not be looked at, one line each; with any the run counts as not whole.
std::string SarifDocument(absl::Span<const SarifRule> rules, absl::Span<const SarifResult> results,
                          absl::Span<const std::string> failures);

}  // namespace tcpfleet::controller
