#include "agent/load/workloads/response_framer.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "agent/load/workloads/http_framer.h"

namespace tcpfleet::agent {
namespace {

// Knuth, Morris and Pratt: a delimiter may begin in one read and end in another.
class DelimiterFramer final : public ResponseFramer {
 public:
  DelimiterFramer(std::string delimiter, size_t slots)
      : delimiter_(std::move(delimiter)), borders_(delimiter_.size(), 0), matched_(slots, 0) {
    for (uint32_t i = 1; i < delimiter_.size(); ++i) {
      borders_[i] = Advance(borders_[i - 1], delimiter_[i]);
    }
  }

  void Begin(uint32_t slot) override { matched_[slot] = 0; }

  FoundResponses Take(uint32_t slot, absl::Span<const std::byte> bytes) override {
    FoundResponses found;
    uint32_t matched = matched_[slot];
    const auto* next = reinterpret_cast<const char*>(bytes.data());
    const char* const end = next + bytes.size();
    while (next < end) {
      if (matched == 0) {
        const void* first = std::memchr(next, delimiter_[0], static_cast<size_t>(end - next));
        if (first == nullptr) break;
        next = static_cast<const char*>(first);
      }
      matched = Advance(matched, *next++);
      if (matched < delimiter_.size()) continue;
      ++found.ended;
      matched = 0;
    }
    matched_[slot] = matched;
    return found;
  }

  FoundResponses End(uint32_t) override { return {}; }

 private:
  // How much of the delimiter is matched after `byte`, when `matched` bytes, not all, were before.
  uint32_t Advance(uint32_t matched, char byte) const {
    while (matched > 0 && delimiter_[matched] != byte) matched = borders_[matched - 1];
    return delimiter_[matched] == byte ? matched + 1 : 0;
  }

  const std::string delimiter_;
  // By length - 1 of a beginning: length of its longest proper beginning that is also its end.
  std::vector<uint32_t> borders_;
  std::vector<uint32_t> matched_;  // by slot
};

}  // namespace

std::unique_ptr<ResponseFramer> NewResponseFramer(const v1::StressSpec& spec, size_t slots) {
  if (spec.has_http()) {
    return NewHttpFramer(/*without_bodies=*/spec.http().method() == "HEAD", slots);
  }
  if (spec.response_delimiter().empty()) return nullptr;
  return std::make_unique<DelimiterFramer>(spec.response_delimiter(), slots);
}

}  // namespace tcpfleet::agent
