#include "pure/text/query.h"

#include <algorithm>

#include "pure/text/core.h"
#include "pure/text/tokens.h"

namespace varve {
namespace {

constexpr uint32_t kDepthMax = 32;
constexpr double kBoostMax = 1e6;

using Kind = QueryNode::Kind;
using Occur = QueryNode::Occur;

bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

class Parser {
 public:
  Parser(const TextCore& core, const TextRequest& request)
      : core_(core), request_(request), rest_(request.query) {}

  Result<QueryNode> parse() {
    QueryNode all = request_.is_plain ? plain() : sequence(0);
    while (!request_.is_plain && !rest_.empty()) {  // Behind a parenthesis too many.
      rest_.remove_prefix(1);
      QueryNode more = sequence(0);
      std::ranges::move(more.children, std::back_inserter(all.children));
    }
    if (word_count_ <= kQueryWordsMax) return all;
    return Status::invalid("text: the query has more than " + std::to_string(kQueryWordsMax) +
                           " words");
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char byte) {
    if (rest_.empty() || rest_.front() != byte) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // An operator in capitals between spaces or parentheses.
  bool take_operator(std::string_view name) {
    skip_spaces();
    if (!rest_.starts_with(name)) return false;
    const std::string_view after = rest_.substr(name.size());
    if (!after.empty() && !is_space(after.front()) && after.front() != '(') return false;
    rest_ = after;
    return true;
  }

  QueryNode plain() {
    QueryNode all;
    all.kind = Kind::kGroup;
    while (!rest_.empty()) {
      skip_spaces();
      QueryNode one = words(take_word(false));
      add(all, std::move(one), default_occur());
    }
    return all;
  }

  QueryNode sequence(uint32_t depth) {
    QueryNode all;
    all.kind = Kind::kGroup;
    for (skip_spaces(); !rest_.empty() && rest_.front() != ')'; skip_spaces()) {
      QueryNode one = either(depth);
      const Occur occur = one.occur == Occur::kShould ? default_occur() : one.occur;
      add(all, std::move(one), occur);
    }
    return all;
  }

  QueryNode either(uint32_t depth) {
    QueryNode first = both(depth);
    if (!take_operator("OR")) return first;
    QueryNode all;
    all.kind = Kind::kGroup;
    add(all, std::move(first), Occur::kShould);
    do {
      add(all, both(depth), Occur::kShould);
    } while (take_operator("OR"));
    return all;
  }

  QueryNode both(uint32_t depth) {
    QueryNode first = clause(depth);
    if (!take_operator("AND")) return first;
    QueryNode all;
    all.kind = Kind::kGroup;
    const auto add_clause = [this, &all](QueryNode one) {
      const Occur occur = one.occur == Occur::kMustNot ? Occur::kMustNot : Occur::kMust;
      add(all, std::move(one), occur);
    };
    add_clause(std::move(first));
    do {
      add_clause(clause(depth));
    } while (take_operator("AND"));
    return all;
  }

  QueryNode clause(uint32_t depth) {
    Occur occur = Occur::kShould;
    bool is_signed = true;
    while (is_signed) {
      skip_spaces();
      if (take_operator("NOT") || take('-')) {
        occur = Occur::kMustNot;
      } else if (take('+')) {
        occur = Occur::kMust;
      } else {
        is_signed = false;
      }
    }
    QueryNode found = atom(depth);
    if (take('^')) found.boost *= number(1);
    found.occur = occur;
    return found;
  }

  QueryNode atom(uint32_t depth) {
    if (take('(')) {
      if (depth >= kDepthMax) return {};
      QueryNode inner = sequence(depth + 1);
      take(')');
      return inner;
    }
    if (take('"')) {
      const size_t end = std::min(rest_.find('"'), rest_.size());
      QueryNode phrase = words(rest_.substr(0, end), true);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      return phrase;
    }
    QueryNode found = words(take_word(true));
    if (take('*')) {
      found.is_prefix = true;
    } else if (take('~')) {
      found.edits = static_cast<uint32_t>(std::clamp(number(1), 0.0, 2.0));
    }
    return found;
  }

  // Up to a space, and up to what an operator may be made of. A stray operator is passed.
  std::string_view take_word(bool has_operators) {
    const std::string_view stops = has_operators ? std::string_view("\"()*~^") : "";
    size_t size = 0;
    while (size < rest_.size() && !is_space(rest_[size]) &&
           stops.find(rest_[size]) == std::string_view::npos) {
      ++size;
    }
    const std::string_view word = rest_.substr(0, size);
    const bool is_stray = size == 0 && !rest_.empty() && !is_space(rest_.front()) &&
                          rest_.front() != ')' && rest_.front() != '(' && rest_.front() != '"';
    rest_.remove_prefix(is_stray ? 1 : size);
    return word;
  }

  // Digits with at most one point among them.
  double number(double otherwise) {
    double value = 0;
    double scale = 0;
    bool has_digit = false;
    while (!rest_.empty() && (is_digit(rest_.front()) || (rest_.front() == '.' && scale == 0))) {
      if (rest_.front() == '.') {
        scale = 1;
      } else {
        has_digit = true;
        value = value * 10 + (rest_.front() - '0');
        scale *= 10;
      }
      rest_.remove_prefix(1);
    }
    if (!has_digit) return otherwise;
    return std::min(scale > 0 ? value / scale : value, kBoostMax);
  }

  QueryNode words(std::string_view text, bool is_quoted = false) {
    QueryNode found;
    TokenReader reader(text);
    uint32_t last_end = 0;
    bool is_lone = false;
    for (Token token; reader.next(token); last_end = token.end) {
      // The last character of a run was in the pair before it.
      if (token.kind == TokenKind::kLone && token.begin < last_end) continue;
      is_lone = token.kind == TokenKind::kLone;
      if (core_.is_stop_word(token.term)) continue;
      word_count_ += 1;
      if (word_count_ > kQueryWordsMax) break;
      char stem[kTermBytesMax + 1];
      std::ranges::copy(token.term, stem);
      const uint32_t size = core_.stem_term(stem, static_cast<uint32_t>(token.term.size()));
      found.words.push_back({{stem, std::min(size, kTermBytesMax)}, token.position});
    }
    if (found.words.empty()) return found;
    const bool is_one = found.words.size() == 1;
    found.kind = is_one ? Kind::kWord : Kind::kPhrase;
    // A character of a script without spaces is wherever it begins a pair.
    found.is_prefix = is_one && (is_lone || (request_.is_prefix && !is_quoted));
    if (is_one && !is_lone && !is_quoted) found.edits = std::min(request_.edits, 2u);
    return found;
  }

  Occur default_occur() const { return request_.needs_all ? Occur::kMust : Occur::kShould; }

  static void add(QueryNode& group, QueryNode node, Occur occur) {
    if (node.kind == Kind::kNothing || (node.kind == Kind::kGroup && node.children.empty())) {
      return;
    }
    node.occur = occur;
    group.children.push_back(std::move(node));
  }

  const TextCore& core_;
  const TextRequest& request_;
  std::string_view rest_;
  uint32_t word_count_ = 0;
};

}  // namespace

Result<QueryNode> parse_query(const TextCore& core, const TextRequest& request) {
  return Parser(core, request).parse();
}

}  // namespace varve
