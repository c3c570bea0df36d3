/**
 * The paper's evaluation, simulated: its claims, each beside what was found and the bound that holds. Anything that
 * other models or clusters need as well belongs to the planner.
 */
package io.maseparation.parallel.studies.paper;
