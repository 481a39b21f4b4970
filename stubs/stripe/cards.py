"""Stripe's documented test cards: what each number, `pm_card_…` and `tok_…` stands for.

Source: docs.stripe.com/testing. A card is known by its `name`, the part that its tokens share: `pm_card_NAME` and
`tok_NAME`. What a card does when it is charged is in `Trait`, so behaviour asks for traits, never for numbers.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Trait(StrEnum):
    """What is special about a test card. A card without a trait always succeeds."""

    DECLINE_ON_CHARGE = "decline_on_charge"  # attaching it to a customer works, charging it doesn't
    RADAR_BLOCK = "radar_block"
    RISK_ELEVATED = "risk_elevated"
    RISK_HIGHEST = "risk_highest"
    CVC_CHECK_FAILS = "cvc_check_fails"
    ZIP_CHECK_FAILS = "zip_check_fails"
    LINE1_CHECK_FAILS = "line1_check_fails"
    ADDRESS_UNCHECKED = "address_unchecked"
    AUTH_ALWAYS = "auth_always"  # every payment needs 3D Secure; off session it is declined
    AUTH_UNLESS_SET_UP = "auth_unless_set_up"
    AUTH_ON_SESSION = "auth_on_session"  # set up already: authentication on session only
    AUTH_OPTIONAL = "auth_optional"
    AUTH_FRICTIONLESS = "auth_frictionless"  # authenticated without asking the customer
    AUTH_UNSUPPORTED = "auth_unsupported"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILS = "refund_fails"
    FUNDS_AT_ONCE = "funds_at_once"
    DISPUTED = "disputed"
    DISPUTED_NOT_RECEIVED = "disputed_not_received"
    DISPUTED_INQUIRY = "disputed_inquiry"
    DISPUTED_TWICE = "disputed_twice"
    DISPUTED_CE3 = "disputed_ce3"
    DISPUTED_COMPLIANCE = "disputed_compliance"
    DISPUTED_MC_COMPLIANCE = "disputed_mc_compliance"
    FRAUD_WARNING = "fraud_warning"


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `decline` is a key of `declines.DECLINES`: what the issuer says when it is charged."""

    name: str
    number: str
    brand: str
    funding: str = "credit"
    country: str = "US"
    decline: str | None = None
    traits: frozenset[Trait] = frozenset()

    @property
    def last4(self) -> str:
        """The last four digits, the only part of the number that Stripe shows."""
        return self.number[-4:]

    def has(self, trait: Trait) -> bool:
        """Whether the card has that special behaviour."""
        return trait in self.traits


_BRANDS = (
    ("visa", "4242424242424242", "visa", "credit"),
    ("visa_debit", "4000056655665556", "visa", "debit"),
    ("mastercard", "5555555555554444", "mastercard", "credit"),
    ("mastercard_2series", "2223003122003222", "mastercard", "credit"),
    ("mastercard_debit", "5200828282828210", "mastercard", "debit"),
    ("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    ("amex", "378282246310005", "amex", "credit"),
    ("amex_2", "371449635398431", "amex", "credit"),
    ("discover", "6011111111111117", "discover", "credit"),
    ("discover_2", "6011000990139424", "discover", "credit"),
    ("discover_debit", "6011981111111113", "discover", "debit"),
    ("diners", "3056930009020004", "diners", "credit"),
    ("diners_14", "36227206271667", "diners", "credit"),
    ("bccard", "6555900000604105", "discover", "credit"),
    ("jcb", "3566002020360505", "jcb", "credit"),
    ("unionpay", "6200000000000005", "unionpay", "credit"),
    ("unionpay_debit", "6200000000000047", "unionpay", "debit"),
    ("unionpay_19", "6205500000000000004", "unionpay", "credit"),
)

# country -> number; the tokens are pm_card_xx and tok_xx
_COUNTRIES = {
    "AR": "4000000320000021", "CL": "4000001520000001", "CO": "4000001700000003", "CR": "4000001880000005",
    "EC": "4000002180000000", "PA": "4000005910000000", "PY": "4000006000000066", "PE": "4000006040000068",
    "UY": "4000008580000003",
    "BR": "4000000760000002", "CA": "4000001240000000", "MX": "4000004840008001", "AE": "4000007840000001",
    "AT": "4000000400000008", "BE": "4000000560000004", "BG": "4000001000000000", "BY": "4000001120000005",
    "HR": "4000001910000009", "CY": "4000001960000008", "CZ": "4000002030000002", "DK": "4000002080000001",
    "EE": "4000002330000009", "FI": "4000002460000001", "FR": "4000002500000003", "DE": "4000002760000016",
    "GI": "4000002920000005", "GR": "4000003000000030", "HU": "4000003480000005", "IE": "4000003720000005",
    "IT": "4000003800000008", "LV": "4000004280000005", "LI": "4000004380000004", "LT": "4000004400000000",
    "LU": "4000004420000006", "MT": "4000004700000007", "NL": "4000005280000002", "NO": "4000005780000007",
    "PL": "4000006160000005", "PT": "4000006200000007", "RO": "4000006420000001", "SA": "4000006820000007",
    "SI": "4000007050000006", "SK": "4000007030000001", "ES": "4000007240000007", "SE": "4000007520000008",
    "CH": "4000007560000009", "GB": "4000008260000000", "AU": "4000000360000006", "CN": "4000001560000002",
    "HK": "4000003440000004", "IN": "4000003560000008", "JP": "4000003920000003", "MY": "4000004580000002",
    "NZ": "4000005540000008", "SG": "4000007020000003", "TW": "4000001580000008", "TH": "4000007640000003",
}  # fmt: skip

# Cards of two brands, and those of health and flexible spending accounts
_PARTNERS = (
    ("visa_cartesBancaires", "4000002500001001", "visa", "credit", "FR"),
    ("mastercard_cartesBancaires", "5555552500001001", "mastercard", "credit", "FR"),
    ("visa_debit_eftposAuCoBranded", "4000050360000001", "visa", "debit", "AU"),
    ("mastercard_debit_eftposAuCoBranded", "5555050360000080", "mastercard", "debit", "AU"),
    ("debit_visaFsaProductCode", "4000051230000072", "visa", "debit", "US"),
    ("debit_visaHsaProductCode", "4000051230000072", "visa", "debit", "US"),
    ("mastercard_debit_mastercardFsaProductCode", "5200828282828897", "mastercard", "debit", "US"),
)

_DECLINED = (
    ("chargeDeclined", "4000000000000002", "generic_decline"),
    ("chargeDeclinedInsufficientFunds", "4000000000009995", "insufficient_funds"),
    ("chargeDeclinedLostCard", "4000000000009987", "lost_card"),
    ("chargeDeclinedStolenCard", "4000000000009979", "stolen_card"),
    ("chargeDeclinedExpiredCard", "4000000000000069", "expired_card"),
    ("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc"),
    ("chargeDeclinedProcessingError", "4000000000000119", "processing_error"),
    ("chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_velocity_exceeded"),
)

# name, number, country, decline, traits
_SPECIAL: tuple[tuple[str, str, str, str | None, tuple[Trait, ...]], ...] = (
    ("chargeDeclinedFraudulent", "4100000000000019", "US", "fraudulent", (Trait.RADAR_BLOCK,)),
    ("radarBlock", "4100000000000019", "US", "fraudulent", (Trait.RADAR_BLOCK,)),
    ("chargeCustomerFail", "4000000000000341", "US", "generic_decline", (Trait.DECLINE_ON_CHARGE,)),
    ("riskLevelHighest", "4000000000004954", "US", "fraudulent", (Trait.RISK_HIGHEST, Trait.RADAR_BLOCK)),
    ("riskLevelElevated", "4000000000009235", "US", None, (Trait.RISK_ELEVATED,)),
    ("cvcCheckFail", "4000000000000101", "US", None, (Trait.CVC_CHECK_FAILS,)),
    ("avsZipFail", "4000000000000036", "US", None, (Trait.ZIP_CHECK_FAILS,)),
    ("avsLine1Fail", "4000000000000028", "US", None, (Trait.LINE1_CHECK_FAILS,)),
    ("avsFail", "4000000000000010", "US", None, (Trait.ZIP_CHECK_FAILS, Trait.LINE1_CHECK_FAILS)),
    ("avsUnchecked", "4000000000000044", "US", None, (Trait.ADDRESS_UNCHECKED,)),
    ("pendingRefund", "4000000000007726", "US", None, (Trait.REFUND_PENDING,)),
    ("refundFail", "4000000000005126", "US", None, (Trait.REFUND_FAILS,)),
    ("bypassPending", "4000000000000077", "US", None, (Trait.FUNDS_AT_ONCE,)),
    ("bypassPendingInternational", "4000003720000278", "IE", None, (Trait.FUNDS_AT_ONCE,)),
    ("createDispute", "4000000000000259", "US", None, (Trait.DISPUTED,)),
    ("createDisputeProductNotReceived", "4000000000002685", "US", None, (Trait.DISPUTED_NOT_RECEIVED,)),
    ("createDisputeInquiry", "4000000000001976", "US", None, (Trait.DISPUTED_INQUIRY,)),
    ("createDisputeWarning", "4000000000005423", "US", None, (Trait.FRAUD_WARNING,)),
    ("createIssuerFraudRecord", "4000000000005423", "US", None, (Trait.FRAUD_WARNING,)),
    ("createMultipleDisputes", "4000000404000079", "AT", None, (Trait.DISPUTED_TWICE,)),
    ("createCe3EligibleDispute", "4000000404000038", "AT", None, (Trait.DISPUTED_CE3,)),
    ("createComplianceDispute", "4000008400000779", "US", None, (Trait.DISPUTED_COMPLIANCE,)),
    ("createMastercardComplianceDispute", "5105008400000002", "US", None, (Trait.DISPUTED_MC_COMPLIANCE,)),
    ("createAutoRepresentmentEligibleDispute", "4000000001000043", "US", None, (Trait.DISPUTED,)),
    ("chargeCustomerFailLostCard", "4000000000000341", "US", "lost_card", (Trait.DECLINE_ON_CHARGE,)),
    ("chargeCustomerFailStolenCard", "4000000000000341", "US", "stolen_card", (Trait.DECLINE_ON_CHARGE,)),
    ("highFraudDisputeScore", "4000008400000407", "US", None, (Trait.RISK_ELEVATED,)),
    ("highEfwScore", "4000008400000159", "US", None, (Trait.RISK_ELEVATED,)),
    ("radarDynamicRiskThreshold", "4000008400001017", "US", None, (Trait.RISK_ELEVATED,)),
    ("freeTrialAbuseBlock", "4001858821843804", "US", None, (Trait.RISK_ELEVATED,)),
    ("adaptive3dsChallenge", "4000008405600003", "US", None, (Trait.AUTH_OPTIONAL,)),
    ("cvcCheckFailElevatedRisk", "4000058400307872", "US", None, (Trait.CVC_CHECK_FAILS, Trait.RISK_ELEVATED)),
    ("avsZipFailElevatedRisk", "4000058400306072", "US", None, (Trait.ZIP_CHECK_FAILS, Trait.RISK_ELEVATED)),
    ("threeDSecureRequiredUs", "4000008400000027", "US", None, (Trait.AUTH_ALWAYS,)),
    ("threeDSecureFrictionless", "4000000032200000", "US", None, (Trait.AUTH_FRICTIONLESS,)),
    ("mobileOutOfBand", "4000582600000094", "GB", None, (Trait.AUTH_OPTIONAL,)),
    ("mobileOneTimePasscode", "4000582600000045", "GB", None, (Trait.AUTH_OPTIONAL,)),
    ("mobileSingleSelect", "4000582600000102", "GB", None, (Trait.AUTH_OPTIONAL,)),
    ("mobileMultiSelect", "4000582600000110", "GB", None, (Trait.AUTH_OPTIONAL,)),
    ("captcha", "4000000000001208", "US", None, ()),
    ("captcha_2", "4000000000003725", "US", None, ()),
    ("authenticationRequired", "4000002760003184", "DE", None, (Trait.AUTH_ALWAYS,)),
    ("authenticationRequiredOnSetup", "4000002500003155", "FR", None, (Trait.AUTH_UNLESS_SET_UP,)),
    ("authenticationRequiredSetupForOffSession", "4000003800000446", "IT", None, (Trait.AUTH_ON_SESSION,)),
    (
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        "GB",
        "insufficient_funds",
        (Trait.AUTH_ALWAYS,),
    ),
    ("threeDSecure2Required", "4000000000003220", "IE", None, (Trait.AUTH_ALWAYS,)),
    ("threeDSecureRequired", "4000000000003063", "US", None, (Trait.AUTH_ALWAYS,)),
    ("threeDSecureRequiredChargeDeclined", "4000008400001629", "US", "generic_decline", (Trait.AUTH_ALWAYS,)),
    ("threeDSecureRequiredProcessingError", "4000008400001280", "US", "processing_error", (Trait.AUTH_ALWAYS,)),
    ("threeDSecureOptional", "4000000000003055", "US", None, (Trait.AUTH_OPTIONAL,)),
    ("threeDSecureOptionalProcessingError", "4000000000003097", "US", None, (Trait.AUTH_OPTIONAL,)),
    ("threeDSecureNotSupported", "378282246310005", "US", None, (Trait.AUTH_UNSUPPORTED,)),
)


@cache
def all_cards() -> tuple[Card, ...]:
    """Every test card of the documentation."""
    return (
        *(Card(name, number, brand, funding) for name, number, brand, funding in _BRANDS),
        Card("us", "4242424242424242", "visa"),
        *(Card(country.lower(), number, "visa", country=country) for country, number in _COUNTRIES.items()),
        Card("gb_debit", "4000058260000005", "visa", "debit", "GB"),
        Card("jp_jcb", "3530111333300000", "jcb", country="JP"),
        Card("th_credit", "4000007640000003", "visa", country="TH"),
        Card("th_debit", "4000057640000008", "visa", "debit", "TH"),
        Card("ae_mastercard", "5200007840000022", "mastercard", country="AE"),
        Card("gb_mastercard", "5555558265554449", "mastercard", country="GB"),
        Card("mx_carnet", "5062210000000009", "mastercard", "debit", "MX"),
        Card("amex_threeDSecureNotSupported", "378282246310005", "amex", traits=frozenset({Trait.AUTH_UNSUPPORTED})),
        *(Card(name, number, brand, funding, country) for name, number, brand, funding, country in _PARTNERS),
        *(Card(name, number, "visa", decline=decline) for name, number, decline in _DECLINED),
        *(Card(f"visa_{name}", number, "visa", decline=decline) for name, number, decline in _DECLINED),
        *(
            Card(f"visa_{name}", number, "visa", "credit", country, decline, frozenset(traits))
            for name, number, country, decline, traits in _SPECIAL
            if name.startswith("chargeCustomerFail")
        ),
        *(
            Card(name, number, _brand(number), "credit", country, decline, frozenset(traits))
            for name, number, country, decline, traits in _SPECIAL
        ),
    )


@cache
def _by_name() -> dict[str, Card]:
    return {card.name: card for card in all_cards()}


@cache
def _by_number() -> dict[str, Card]:
    return {card.number: card for card in reversed(all_cards())}


def card_of_token(token: str) -> Card | None:
    """The card behind `pm_card_…` or `tok_…`; None for tokens that Stripe doesn't document."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            return _by_name().get(token.removeprefix(prefix))
    return None


def card_of_number(number: str) -> Card | None:
    """The test card with that number (digits only)."""
    return _by_number().get(number)


def card_named(name: str) -> Card | None:
    """The card under the name that its tokens share."""
    return _by_name().get(name)


def luhn(number: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1)."""
    total = 0
    for at, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _brand(number: str) -> str:
    return {"3": "amex", "5": "mastercard"}.get(number[0], "visa")
