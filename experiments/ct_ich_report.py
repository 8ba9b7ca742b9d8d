"""The page of `ct_ich.py`: what was measured as Markdown, and what it can and cannot show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ct_ich_data import FINDINGS, Slices

from molre.evaluation.comparison.contrast import Contrast
from molre.evaluation.comparison.contrasts import ArmsCompared
from molre.evaluation.comparison.verdict import ALPHA
from molre.evaluation.statistics.auc import auc_by_finding
from molre.output.numbers import NONE, interval, number, p_value

if TYPE_CHECKING:
    from ct_ich import Fits


def report(fits: Fits, results: Mapping[str, ArmsCompared], machine: str) -> str:
    """The whole page.

    Args:
        fits: all of them.
        results: of `slice`, `patient` and `outside`.
        machine: what it ran on, in words.
    """
    tested, arms = fits.tested, [arm.name for arm in results["slice"].arms]
    by_slice = {arm: fits.logits(arm) for arm in arms}
    by_patient = {arm: tested.by_patient(logits)[0] for arm, logits in by_slice.items()}
    _, labels, people = tested.by_patient(tested.labels)
    lines = [
        *_head(fits, machine),
        *_counts(tested, labels),
        "## CT-ICH, per slice",
        "",
        *_aucs(by_slice, tested.labels, results["slice"]),
        *_contrasts(results["slice"]),
        "### Within folds",
        "",
        "The logits of six different models are pooled into one AUC above. As a check, the AUC inside "
        "each fold, averaged over the folds that hold both classes, then over the findings of the macro "
        "AUC and over seeds. A fit at a high rate may have logits so large that its slices rank above or below "
        "those of all other folds, whatever they show; the largest of the arm is beside. A difference that "
        "is in one column only is no evidence of one between arms.",
        "",
        *_within_folds(fits, by_slice, results["slice"]),
        f"## CT-ICH, per patient ({len(people)} patients, the largest logit of a patient's slices)",
        "",
        *_aucs(by_patient, labels, results["patient"]),
        *_contrasts(results["patient"]),
        *_outside(fits, results["outside"]),
        *_training(fits, arms),
        *_limits(results["slice"], len(people)),
    ]
    return "\n".join(lines)


def _head(fits: Fits, machine: str) -> list[str]:
    plan, budget = fits.plan, fits.plan.budget
    sizes = ", ".join(str(len(fold)) for fold in plan.folds)
    return [
        "# Real data: MoLRE at placement `slice` on 38 patients of CT-ICH, and on PHE-SICH",
        "",
        f"`python experiments/ct_ich.py SHARED/data SHARED/weights/vit_small_patch14_imgfocus --fits DIR "
        f"--seeds {len(plan.seeds)}`; {machine}. Real scans, 8-bit pictures.",
        "",
        f"Embeddings of the imgfocus ViT-S (brain, brain, bone picture), each slice a scan of one slice; "
        f"seven findings jointly. {len(plan.folds)} folds of patients ({sizes}), {plan.tested} of them "
        f"tested: one fold is test, the next one tune, the others train. Training seeds: "
        f"{len(plan.seeds)}. Every arm starts from the rates .0003, .001 and "
        f".003, with the widening of all runs, at most {budget['max_steps']} steps a fit "
        f"and {budget['patience_steps']} without a better tune AUC. `molre`, `molre_random_router` and "
        "`molre_shuffled` have 48 experts of rank 1, `molre_paper` six of rank 8 (preset `paper`). "
        "Intervals and p-values are those of `molre compare`: a paired bootstrap of patients, "
        + (
            "with seeds as a second random factor (Welch)."
            if len(plan.seeds) > 2
            else "of these trained models alone, as there are fewer than three seeds."
        ),
        "",
    ]


def _counts(tested: Slices, by_patient: np.ndarray) -> list[str]:
    counts = zip(FINDINGS, tested.labels.sum(axis=0), by_patient.sum(axis=0), strict=True)
    return [
        f"{len(tested.names)} slices of {len(by_patient)} patients were tested. Findings with ten "
        "patients or more are in the macro AUC; the AUC of a finding of two to nine patients says next "
        "to nothing and is given for completeness.",
        "",
        "| finding | slices | patients |",
        "| --- | --- | --- |",
        *(f"| {finding} | {int(slices)} | {int(people)} |" for finding, slices, people in counts),
        "",
    ]


def _aucs(scores: Mapping[str, np.ndarray], labels: np.ndarray, result: ArmsCompared) -> list[str]:
    """AUC of each finding, mean of seeds; the macro AUC with its interval and spread over seeds."""
    lines = [
        f"| arm | {' | '.join(FINDINGS)} | macro of {len(result.endpoint)} | 95 % interval "
        "| spread over seeds |",
        "| --- " * (len(FINDINGS) + 4) + "|",
    ]
    for arm in result.arms:
        aucs = np.mean([auc_by_finding(one, labels) for one in scores[arm.name]], axis=0)
        cells = " | ".join(number(float(one)) for one in aucs)
        lines.append(
            f"| {arm.name} | {cells} | {number(arm.macro.value)} "
            f"| {interval(arm.macro.low, arm.macro.high)} | {number(arm.spread)} |"
        )
    return [*lines, ""]


def _contrasts(result: ArmsCompared) -> list[str]:
    if not result.endpoint:
        return ["No finding has ten patients with and ten without it: nothing is compared.", ""]
    lines = [
        "| contrast | difference | 95 % interval | p | p (Holm) | found 8 times in 10 from |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in result.contrasts:
        macro = one.macro
        lines.append(
            f"| {_named(one)} | {number(macro.value, sign=True)} "
            f"| {interval(macro.low, macro.high, sign=True)} | {p_value(macro.p)} "
            f"| {p_value(macro.p_adjusted)} ({one.family}) | {number(one.detectable)} |"
        )
    said = f"AUC of {', '.join(result.endpoint)}; Holm over the family in parentheses; "
    return [*lines, "", f"{said}{result.draws} resamples, {result.dropped} dropped.", ""]


def _named(contrast: Contrast) -> str:
    return f"{contrast.arm} − {contrast.control}"


def _within_folds(fits: Fits, scores: Mapping[str, np.ndarray], result: ArmsCompared) -> list[str]:
    members = [FINDINGS.index(finding) for finding in result.endpoint]
    if not members:
        return ["Not estimable.", ""]
    labels, owners = fits.tested.labels, np.array(fits.tested.patients)
    lines = [
        "| arm | pooled | within folds | largest logit, absolute |",
        "| --- | --- | --- | --- |",
    ]
    for arm in result.arms:
        inside = np.array([
            [auc_by_finding(one[rows], labels[rows])[members] for one in scores[arm.name]]
            for fold in fits.plan.folds[: fits.plan.tested]
            for rows in [np.isin(owners, list(fold))]
        ])  # fmt: skip
        value = float(np.nanmean(inside, axis=0).mean())
        largest = float(np.abs(scores[arm.name]).max())
        lines.append(
            f"| {arm.name} | {number(arm.macro.value)} | {number(value)} | {largest:,.0f} |"
        )
    return [*lines, ""]


def _outside(fits: Fits, result: ArmsCompared) -> list[str]:
    counted, outside = result.supports[0], fits.data.outside
    lines = [
        "## PHE-SICH: another country, disease and scanner, nothing fitted there",
        "",
        f"{len(outside.names)} slices of {len(set(outside.patients))} patients (every second slice). The "
        f"score is the probability of `any_hemorrhage`, the mean of the {fits.plan.tested} fold models of "
        "a seed. The set has no label of blood: positive is a slice on which edema is drawn around the "
        f"hemorrhage ({counted.positives}), the slices next to one are left out ({counted.unknown}), as "
        f"they may show blood, and the other {counted.negatives} count as without, though some may show "
        "blood in the ventricles. So this AUC is against a stand-in, and not comparable with the one "
        "above. Every patient bleeds: there is no AUC per patient. Pictures were transposed (the nose is "
        "then up; looked at in all patients), patient 0144 turned by 180 degrees besides; there is one "
        "window, so the bone channel is the mean bone gray level of each brain gray level in CT-ICH.",
        "",
        "| arm | AUC | 95 % interval | spread over seeds |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {arm.name} | {number(arm.macro.value)} | {interval(arm.macro.low, arm.macro.high)} "
        f"| {number(arm.spread)} |"
        for arm in result.arms
    ]
    return [*lines, "", *_contrasts(result)]


def _training(fits: Fits, arms: Sequence[str]) -> list[str]:
    """How the fits went; tune AUC is what settings may be chosen on."""
    lines = [
        "## Training",
        "",
        "Tune AUC is of the chosen rate's best epoch (optimistic, the more so the more rates are "
        "tried); minus molre is paired by fold and seed, ± the standard error over folds. Edges and budgets "
        "count searches, one for each fold and seed.",
        "",
        "| arm | added parameters | tune AUC | minus molre (searches above / equal / below) "
        "| rate: median (least to most) | rates tried | best at the edge | not converged "
        "| gate entropy / maximum | s a search |",
        "| --- " * 10 + "|",
    ]
    own = np.array([fit["tune_auc"] for fit in fits.each("molre")])
    for arm in arms:
        each, facts = fits.each(arm), fits.facts(arm)
        tune = np.array([fit["tune_auc"] for fit in each])
        gap, rates = tune - own, [fit["rate"] for fit in each]
        by_fold = gap.reshape(-1, fits.plan.tested).mean(axis=0)
        error = float(by_fold.std(ddof=1) / np.sqrt(len(by_fold)))
        beside = " / ".join(str(int(n.sum())) for n in (gap > 0, gap == 0, gap < 0))
        versus = f"{number(float(gap.mean()), sign=True)} ± {number(error)} ({beside})"
        versus = NONE if arm == "molre" else versus
        edge, open_ = (
            sum(fit["at_edge"] for fit in each),
            sum(not fit["converged"] for fit in each),
        )
        lines.append(
            f"| {arm} | {facts.added:,} | {number(float(tune.mean()))} | {versus} "
            f"| {np.median(rates):g} ({min(rates):g} to {max(rates):g}) "
            f"| {np.mean([fit['rates'] for fit in each]):.1f} | {edge} of {len(each)} "
            f"| {open_} of {len(each)} | {number(facts.entropy)} "
            f"| {np.mean([fit['seconds'] for fit in each]):.0f} |"
        )
    return [*lines, ""]


def _limits(result: ArmsCompared, people: int) -> list[str]:
    primary = [one for one in result.contrasts if one.primary]
    shown = [one for one in primary if one.macro.p_adjusted < ALPHA]
    said = "; ".join(
        f"{_named(one)} {number(one.macro.value, sign=True)}, Holm p {p_value(one.macro.p_adjusted)}"
        for one in shown
    )
    least = [one.detectable for one in primary if np.isfinite(one.detectable)]
    reach = (
        f"The smallest difference of macro AUC per slice that would be found 8 times in 10 is "
        f"{number(min(least))} to {number(max(least))}, depending on the control: a smaller one, either "
        "way, goes unseen, and no difference shown is not equality. "
        if least
        else ""
    )
    return [
        f"## What {people} patients can and cannot show",
        "",
        f"Of the {len(primary)} primary contrasts per slice, {len(shown)} "
        f"{'is' if len(shown) == 1 else 'are'} significant after Holm{': ' + said if said else ''}.",
        "",
        "They can show that every arm trains on real slices with the defaults of a run, the order of "
        "accuracy that a small, general backbone reaches, and a large difference between arms. "
        f"{reach}With 12 to 21 patients of a class, p-values just below 0.05 are hints "
        "(see interval_coverage.md).",
        "",
        "They cannot show what an arm is worth on the subtypes, which two to nine patients have. Folds "
        "share training patients, so that their models are not independent, which no interval here covers. "
        "Tune sets of six or seven patients make the choice of a rate and an epoch noisy, for every arm "
        "alike. Every patient is tune in one fold and test in another: a setting chosen by the mean tune AUC "
        "above has been chosen on all of these patients, so its test AUC is not independent of that choice. "
        "A scan of one slice has nothing to pool, so that attention over slices is not tested. The patients "
        "are trauma patients of one hospital, children among them and one newborn; labels are as published, at odds "
        "with the file's own condition in two patients (58, 89). The 8-bit pictures have two windows; "
        "nothing here transfers to whole scans in HU.",
        "",
    ]
