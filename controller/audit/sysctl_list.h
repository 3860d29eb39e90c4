// Parameters of one host. Hosts mostly say the same, so lists share what they hold.
#pragma once

#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

using SharedSysctl = std::shared_ptr<const v1::Sysctl>;

class SysctlList {
 public:
  SysctlList() = default;
  explicit SysctlList(std::vector<SharedSysctl> entries) : entries_(std::move(entries)) {}
  SysctlList(std::vector<v1::Sysctl> sysctls) {  // NOLINT: what was read, as it was read
    for (v1::Sysctl& sysctl : sysctls) {
      Add(std::make_shared<const v1::Sysctl>(std::move(sysctl)));
    }
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = v1::Sysctl;
    using difference_type = std::ptrdiff_t;
    using pointer = const v1::Sysctl*;
    using reference = const v1::Sysctl&;

    explicit Iterator(const SharedSysctl* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const SharedSysctl* at_;
  };

  void Add(SharedSysctl sysctl) { entries_.push_back(std::move(sysctl)); }
  Iterator begin() const { return Iterator(entries_.data()); }
  Iterator end() const { return Iterator(entries_.data() + entries_.size()); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const v1::Sysctl& operator[](size_t index) const { return *entries_[index]; }
  const v1::Sysctl& back() const { return *entries_.back(); }
  const std::vector<SharedSysctl>& entries() const { return entries_; }

  // In a list ascending by key; null when it is not there.
  const v1::Sysctl* Find(const std::string& key) const;
  void Remove(const std::string& key);

 private:
  std::vector<SharedSysctl> entries_;
};

}  // namespace tcpfleet::controller
