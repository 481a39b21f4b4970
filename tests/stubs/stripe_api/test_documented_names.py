"""Every test card and account that Stripe documents has its number and its names (docs.stripe.com/testing, August 2026)."""

import re
from pathlib import Path

import pytest

from childproof.stubkit.folder.loading import load_stub

FOLDER = Path(__file__).parents[3] / "stubs" / "stripe"

CARDS = """
visa visa_debit mastercard mastercard_debit mastercard_prepaid amex discover diners jcb unionpay visa_cartesBancaires
mastercard_cartesBancaires visa_debit_eftposAuCoBranded mastercard_debit_eftposAuCoBranded us ar br ca cl co cr ec mx pa py pe
uy ae ae_mastercard at be bg by hr cy cz dk ee fi fr de gi gr hu ie it lv li lt lu mt nl no pl pt ro si sk es se ch gb gb_debit
gb_mastercard au cn hk in jp my nz sg tw th_credit th_debit debit_visaFsaProductCode debit_visaHsaProductCode
mastercard_debit_mastercardFsaProductCode bypassPending bypassPendingInternational visa_chargeDeclined
visa_chargeDeclinedInsufficientFunds visa_chargeDeclinedLostCard visa_chargeDeclinedStolenCard chargeDeclinedExpiredCard
chargeDeclinedIncorrectCvc chargeDeclinedProcessingError visa_chargeDeclinedVelocityLimitExceeded chargeCustomerFail
visa_chargeCustomerFailLostCard visa_chargeCustomerFailStolenCard radarBlock riskLevelHighest riskLevelElevated
highFraudDisputeScore highEfwScore radarDynamicRiskThreshold freeTrialAbuseBlock adaptive3dsChallenge cvcCheckFail avsZipFail
cvcCheckFailElevatedRisk avsZipFailElevatedRisk avsLine1Fail avsFail avsUnchecked createDispute
createDisputeProductNotReceived createDisputeInquiry createIssuerFraudRecord createMultipleDisputes createCe3EligibleDispute
createComplianceDispute createMastercardComplianceDispute createAutoRepresentmentEligibleDispute pendingRefund refundFail
authenticationRequiredOnSetup authenticationRequired authenticationRequiredSetupForOffSession
authenticationRequiredChargeDeclinedInsufficientFunds threeDSecure2Required threeDSecureRequiredChargeDeclined
threeDSecureRequiredProcessingError threeDSecureOptional threeDSecureOptionalProcessingError amex_threeDSecureNotSupported
"""
NUMBERS = """
4242424242424242 2223003122003222 371449635398431 6011000990139424 6011981111111113 36227206271667 6555900000604105
6200000000000047 6205500000000000004 5062210000000009 4000006820000007 3530111333300000 4000008400000027 4000000032200000
4000582600000094 4000582600000045 4000582600000102 4000582600000110 4000000000001208 4000000000003725
"""
ACCOUNTS = """
usBankAccount_success usBankAccount_accountClosed usBankAccount_riskLevelHighest usBankAccount_noAccount
usBankAccount_insufficientFunds usBankAccount_debitNotAuthorized usBankAccount_invalidCurrency usBankAccount_failMicrodeposits
usBankAccount_dispute usBankAccount_processing usBankAccount_weeklyLimitExceeded sepaDebit_success_at sepaDebit_failed_de
"""


@pytest.fixture(scope="module")
def tables():
    """The stub's own modules of cards and bank numbers."""
    stub = load_stub(FOLDER)
    name = next(iter(stub.service.behaviours.operations.values())).__module__.rpartition(".")[0]
    return tuple(__import__(f"{name}.{part}", fromlist=["x"]) for part in ("cards", "bank_numbers"))


def test_every_card_has_its_names(tables):
    """Each `pm_card_…` and `tok_…` of the documentation is known."""
    cards, _ = tables
    unknown = [
        name for name in CARDS.split() for prefix in ("pm_card_", "tok_") if cards.card_of_token(prefix + name) is None
    ]
    assert unknown == []


def test_every_number_is_known_and_has_its_check_digit(tables):
    """Numbers without a name, too; and no number of ours is mistyped."""
    cards, _ = tables
    assert [number for number in NUMBERS.split() if cards.card_of_number(number) is None] == []
    assert [card.number for card in cards.all_cards() if not cards.luhn(card.number)] == []


def test_every_account_has_its_name_and_ibans_their_check_digits(tables):
    """ISO 13616: the remainder by 97 is one."""
    _, accounts = tables
    assert [name for name in ACCOUNTS.split() if accounts.account_named(f"pm_{name}") is None] == []
    ibans = set(re.findall(r"[A-Z]{2}\d{2}[A-Z0-9]{10,}", Path(accounts.__file__).read_text()))
    turned = {iban: int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) for iban in ibans}
    assert len(ibans) >= 19 * 5
    assert [iban for iban, number in turned.items() if number % 97 != 1] == []


def test_an_unknown_name_is_no_account(tables):
    """What isn't documented isn't made up."""
    cards, accounts = tables
    assert (accounts.account_named("pm_usBankAccount_rich"), cards.card_of_token("pm_card_gold")) == (None, None)
