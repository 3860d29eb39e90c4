#include "common/netlink/message.h"

#include <algorithm>

namespace tcpfleet::netlink {
namespace {

constexpr size_t Aligned(size_t length) { return (length + 3) & ~size_t{3}; }  // NLMSG_ALIGNTO

Bytes DropAligned(Bytes bytes, size_t length) {
  return bytes.subspan(std::min(Aligned(length), bytes.size()));
}

}  // namespace

MessageBuilder::MessageBuilder(uint16_t type, uint16_t flags) {
  header_.nlmsg_type = type;
  header_.nlmsg_flags = flags;
  Append(BytesOf(header_));
}

void MessageBuilder::Append(Bytes bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize(Aligned(bytes_.size()));
}

void MessageBuilder::AddAttribute(uint16_t type, Bytes payload) {
  nlattr header{};
  header.nla_len = static_cast<uint16_t>(sizeof(header) + payload.size());
  header.nla_type = type;
  Append(BytesOf(header));
  Append(payload);
}

Bytes MessageBuilder::Finish(uint32_t sequence) {
  header_.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header_.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header_, sizeof(header_));
  return bytes_;
}

std::optional<Message> MessageReader::Next() {
  if (rest_.empty()) return std::nullopt;
  ok_ = false;
  const std::optional<nlmsghdr> header = Load<nlmsghdr>(rest_);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest_.size()) {
    return std::nullopt;
  }
  const Message message{
      .type = header->nlmsg_type,
      .flags = header->nlmsg_flags,
      .sequence = header->nlmsg_seq,
      .port_id = header->nlmsg_pid,
      .payload = rest_.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr))};
  rest_ = DropAligned(rest_, header->nlmsg_len);
  ok_ = true;
  return message;
}

std::optional<Attribute> AttributeReader::Next() {
  if (rest_.empty()) return std::nullopt;
  ok_ = false;
  const std::optional<nlattr> header = Load<nlattr>(rest_);
  if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > rest_.size()) {
    return std::nullopt;
  }
  const Attribute attribute{
      .type = static_cast<uint16_t>(header->nla_type & NLA_TYPE_MASK),
      .payload = rest_.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr))};
  rest_ = DropAligned(rest_, header->nla_len);
  ok_ = true;
  return attribute;
}

}  // namespace tcpfleet::netlink
